import { h } from "../ui/dom";
import { type IconName, icon } from "../ui/icons";

/** A button that is an icon. */
export function toolButton(name: IconName, label: string, action: () => void): HTMLButtonElement {
  return h(
    "button",
    { class: "tool", type: "button", "aria-label": label, title: label, onclick: action },
    icon(name),
  );
}

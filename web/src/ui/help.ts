import { h } from "./dom";

/** The help sheet: every key, and how to read the picture. */
export function helpSheet(
  groups: readonly { title: string; keys: readonly (readonly [string, string])[] }[],
): HTMLDialogElement {
  const dialog = h("dialog", { class: "help", "aria-label": "Help" });
  const close = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
  dialog.append(
    h("header", {}, h("h2", {}, "Help"), h("span", { class: "spring" }), close),
    h(
      "div",
      { class: "help-reading" },
      h(
        "p",
        {},
        "Every point is a sample, placed by how the classifier sees it at the epoch shown. The coloured ground is what the classifier says of each place: stronger colour means more confident, white means undecided. Drag the time band to watch training happen.",
      ),
      h(
        "p",
        {},
        "A ring around a point is the other class where label and prediction differ. Click a point for its history. To find a kind of mistake, open Search and click it in the list.",
      ),
    ),
    h(
      "div",
      { class: "help-keys" },
      ...groups.map((g) =>
        h(
          "section",
          {},
          h("h3", {}, g.title),
          h(
            "dl",
            {},
            ...g.keys.map(([key, what]) =>
              h("div", {}, h("dt", {}, ...key.split(" ").map((k) => h("kbd", {}, k))), h("dd", {}, what)),
            ),
          ),
        ),
      ),
    ),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}

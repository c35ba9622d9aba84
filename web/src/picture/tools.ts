import type { Tool } from "../state/store";
import type { IconName } from "../ui/icons";

/** What the pointer can be used for, with the key that chooses it. */
export const tools: readonly { tool: Tool; icon: IconName; name: string; key: string; hint: string }[] = [
  {
    tool: "pan",
    icon: "pan",
    name: "Move",
    key: "v",
    hint: "Drag moves the picture, a click opens a sample, shift-click adds it to the selection",
  },
  {
    tool: "box",
    icon: "box",
    name: "Box",
    key: "x",
    hint: "Drag a box around samples; shift adds, alt takes away",
  },
  {
    tool: "lasso",
    icon: "lasso",
    name: "Lasso",
    key: "o",
    hint: "Draw around samples; shift adds, alt takes away",
  },
  {
    tool: "decode",
    icon: "decode",
    name: "Probe",
    key: "e",
    hint: "Click any place to see what the classifier says there",
  },
];

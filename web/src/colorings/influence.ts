import type { Rgb } from "../color/palette";
import { byCategory, type Coloring } from "./coloring";

const parts: readonly { readonly name: string; readonly color: Rgb }[] = [
  { name: "pushed, strongest half", color: [176, 42, 12] },
  { name: "pushed, the rest", color: [236, 165, 130] },
  { name: "no part", color: [196, 198, 202] },
  { name: "held back, the rest", color: [150, 185, 225] },
  { name: "held back, strongest half", color: [22, 82, 168] },
];
const none = 2;

/** Marks in `part` the fewest samples that make up half of all pushes of this sign, and the rest of them. */
function rank(pushes: Float32Array, sign: number, strongest: number, rest: number, part: Uint16Array): void {
  const ids = [...pushes.keys()]
    .filter((id) => sign * pushes[id]! > 0)
    .sort((a, b) => sign * (pushes[b]! - pushes[a]!));
  const all = ids.reduce((sum, id) => sum + Math.abs(pushes[id]!), 0);
  let sum = 0;
  for (const id of ids) {
    part[id] = sum < all / 2 ? strongest : rest;
    sum += Math.abs(pushes[id]!);
  }
}

/** Who pushed the samples selected, or the one in focus, in the step to the epoch shown. */
export const influence: Coloring = {
  id: "influence",
  name: "Influence",
  perEpoch: true,
  perSelection: true,
  fits: (data) => data.fitted.length > 1,
  async color({ data, epoch, selection = [] }) {
    const part = new Uint16Array(data.count).fill(none);
    const colored = (note: string) =>
      byCategory(
        parts.map((p) => p.name),
        part,
        note,
        parts.map((p) => p.color),
      );
    const from = epoch ? data.fitted[data.fitted.indexOf(epoch.epoch) - 1] : undefined;
    if (!epoch || from === undefined) return colored("there is no earlier epoch to have been pushed from");
    const step = `between epochs ${data.epochName(from)} and ${data.epochName(epoch.epoch)}`;
    if (selection.length === 0) return colored("select samples to see which training samples pushed them");
    const { changed, pushes } = await data.influence(selection, from, epoch.epoch);
    if (changed === 0) return colored(`no prediction of the selected samples changed ${step}`);
    rank(pushes, 1, 0, 1, part);
    rank(pushes, -1, 4, 3, part);
    const what =
      changed === 1 ? "1 selected sample that changed" : `${changed} selected samples that changed`;
    return colored(`on the ${what} ${step}`);
  },
};

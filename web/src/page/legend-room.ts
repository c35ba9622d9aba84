import type { Store } from "../state/store";

/** Where legend and panel together would leave the picture no room, the panel takes the legend's (style.css). */
const narrow = "(max-width: 860px)";

/** Shows or hides the legend; in a narrow window it takes the open panel's place. */
export function toggleLegend(store: Store): void {
  const { legendOpen, panel } = store.state;
  const covered = panel !== null && window.matchMedia(narrow).matches;
  store.set(covered ? { legendOpen: true, panel: null } : { legendOpen: !legendOpen });
}

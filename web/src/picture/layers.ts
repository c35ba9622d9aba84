import type { Layer } from "../state/store";

/** What can be shown and hidden, with the key that does it. */
export const layers: readonly { layer: Layer; name: string; key: string; hint: string }[] = [
  {
    layer: "territory",
    name: "Territory",
    key: "t",
    hint: "Class that the classifier gives to each place; stronger = more confident, white = undecided",
  },
  { layer: "points", name: "Points", key: "p", hint: "The samples" },
  { layer: "names", name: "Class names", key: "n", hint: "Names over their territories" },
  {
    layer: "rings",
    name: "Wrong-prediction rings",
    key: "r",
    hint: "A ring in the colour of the other class where label and prediction differ",
  },
  { layer: "boundary", name: "Boundary samples", key: "b", hint: "" },
  {
    layer: "trails",
    name: "Trails",
    key: "i",
    hint: "Path of the hovered and selected samples over the epochs: thin and pale is early, thick is late",
  },
  {
    layer: "neighbors",
    name: "Neighbour lines",
    key: "k",
    hint: "To the nearest samples in feature space (solid) and in the plane (dashed)",
  },
  {
    layer: "trust",
    name: "Trust overlay",
    key: "q",
    hint: "Hatched where no sample is near. Thick orange rim: the prediction changes when projected and back. Hollow: hardly any neighbour kept. Thin ring around: moved after the fit by more than 2 % of the picture",
  },
  {
    layer: "diff",
    name: "Territory difference",
    key: "d",
    hint: "What changed class between the reference epoch and this one",
  },
];

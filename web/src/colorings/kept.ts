import { byRamp, type Coloring } from "./coloring";

export const kept: Coloring = {
  id: "kept",
  name: "Neighbours kept",
  perEpoch: true,
  color: ({ data, epoch, theme }) =>
    byRamp(
      epoch?.samples.kept.map((v) => v * 17) ?? new Uint8Array(data.count),
      ["0", "15"],
      "of 15 neighbours, how many the picture keeps",
      theme,
    ),
};

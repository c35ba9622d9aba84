import { byRamp, type Coloring } from "./coloring";

export const margin: Coloring = {
  id: "margin",
  name: "Margin",
  perEpoch: true,
  color: ({ data, epoch, theme }) =>
    byRamp(
      epoch?.samples.margin ?? new Uint8Array(data.count),
      ["0", "1"],
      "lead over the runner-up; 0 = on the boundary",
      theme,
    ),
};

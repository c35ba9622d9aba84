import { ColorMode } from "../renderer/points";
import { byEntry, type Coloring, classEntries } from "./coloring";

export const label: Coloring = {
  id: "label",
  name: "Label",
  perEpoch: false,
  color: ({ data }) =>
    byEntry(
      ColorMode.Label,
      null,
      classEntries(data),
      "ring: the prediction, where it differs",
      (id, epoch) => {
        const own = data.labels[id]!;
        return own >= 0 ? own : (epoch?.predictions[id] ?? -1);
      },
    ),
};

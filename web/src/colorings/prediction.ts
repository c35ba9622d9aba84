import { ColorMode } from "../renderer/points";
import { byEntry, type Coloring, classEntries } from "./coloring";

export const prediction: Coloring = {
  id: "prediction",
  name: "Prediction",
  perEpoch: false,
  color: ({ data }) =>
    byEntry(
      ColorMode.Prediction,
      null,
      classEntries(data),
      "ring: the label, where it differs",
      (id, epoch) => epoch?.predictions[id] ?? -1,
    ),
};

import { correctness } from "../color/palette";
import { byCategory, type Coloring } from "./coloring";

export const roundTrip: Coloring = {
  id: "trip",
  name: "Round trip",
  perEpoch: true,
  color: ({ data, epoch }) => {
    const value = new Uint16Array(data.count);
    if (epoch)
      for (let i = 0; i < value.length; ++i)
        value[i] = epoch.samples.roundTrip[i] === epoch.predictions[i] ? 0 : 1;
    return byCategory(["kept", "changed"], value, "prediction after projecting and back", [
      correctness[1]!.color,
      correctness[0]!.color,
    ]);
  },
};

import { byRamp, type Coloring } from "./coloring";

/** Of the picture's side: what is moved farther is coloured the same. */
const most = 0.1;

export const moved: Coloring = {
  id: "moved",
  name: "Moved after fit",
  perEpoch: true,
  fits: (data) => data.view.moved,
  async color({ data, epoch, theme }) {
    const values = epoch ? await data.moved(epoch.epoch) : new Uint16Array();
    const value = new Uint16Array(data.count);
    for (let i = 0; i < values.length; ++i) value[i] = Math.min(65535, values[i]! / most);
    const note = values.length
      ? "how far each sample was moved into its class's territory, in shares of the picture"
      : "this epoch does not tell which samples were moved";
    return byRamp(value, ["not", "10 %"], note, theme);
  },
};

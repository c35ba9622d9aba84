import { byCategory, type Coloring } from "./coloring";

export const group: Coloring = {
  id: "group",
  name: "Group",
  perEpoch: false,
  color: ({ data }) => {
    const value = new Uint16Array(data.count);
    data.run.groups.forEach((g, k) => value.fill(k, g.begin, g.begin + g.count));
    return byCategory(
      data.run.groups.map((g) => g.name),
      value,
      "",
    );
  },
};

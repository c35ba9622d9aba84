import { classColor, css } from "../color/palette";
import { number, s } from "./dom";

const width = 240;
const height = 84;

/**
 * Outlines of curves, one a channel, all on one axis that they fill. `series` holds a list of values a channel; null
 * is a value that is missing.
 */
export function curvePaths(series: readonly (readonly (number | null)[])[]): {
  paths: string[];
  low: number;
  high: number;
} {
  const values = series.flat().filter((v): v is number => v !== null);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const steps = Math.max(1, ...series.map((channel) => channel.length - 1));
  const x = (k: number) => 2 + (k / steps) * (width - 4);
  const y = (v: number) => height - 3 - (high > low ? (v - low) / (high - low) : 0.5) * (height - 6);
  const point = (channel: readonly (number | null)[], v: number | null, k: number) =>
    v === null
      ? ""
      : `${k === 0 || channel[k - 1] === null ? "M" : "L"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`;
  return {
    paths: series.map((channel) => channel.map((v, k) => point(channel, v, k)).join("")),
    low,
    high,
  };
}

/** A series as curves, one a channel. */
export function curves(series: readonly (readonly (number | null)[])[]): SVGSVGElement {
  const { paths, low, high } = curvePaths(series);
  const many = series.length === 1 ? "curve" : "curves";
  return s(
    "svg",
    {
      class: "card-curves",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${series.length} ${many} from ${number(low, 3)} to ${number(high, 3)}`,
    },
    ...paths.map((d, c) =>
      s("path", { d, fill: "none", stroke: css(classColor(c, series.length)), "stroke-width": 1.4 }),
    ),
  );
}

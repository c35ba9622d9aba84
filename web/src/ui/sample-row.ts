import type { Api } from "../data/api";
import type { Dataset } from "../data/dataset";
import { h } from "./dom";

const block = 32;

/**
 * The image of entry `index` of a list of ids, out of one atlas a block of 32 entries, so that a long list asks for few
 * pictures. Nothing where the run has no images.
 */
export function listThumbnail(
  api: Api,
  data: Dataset,
  ids: readonly number[],
  index: number,
  size = 28,
): HTMLElement | null {
  if (data.run.inputs?.kind !== "image") return null;
  const from = Math.floor(index / block) * block;
  const part = ids.slice(from, from + block);
  const element = h("span", { class: "thumb" });
  element.style.width = `${size}px`;
  element.style.height = `${size}px`;
  element.style.backgroundImage = `url("${api.thumbnailsUrl(data.runId, part, 32)}")`;
  element.style.backgroundSize = `${part.length * size}px ${size}px`;
  element.style.backgroundPosition = `-${(index - from) * size}px 0`;
  return element;
}

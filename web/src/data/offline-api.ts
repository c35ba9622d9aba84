import { Api } from "./api";
import { fromBase64, gunzip, type StoredCopy } from "./copy-format";
import { OfflineAnswers } from "./offline-answers";

/** The API of a copy of the page that has no server: stored answers, and images out of the copy's atlases. */
export class OfflineApi extends Api {
  private readonly images = new Map<number, HTMLCanvasElement>();

  private constructor(answers: OfflineAnswers) {
    super((path, init) => answers.answer(path, init));
  }

  static async open(packed: string): Promise<OfflineApi> {
    const copy = JSON.parse(await gunzip(fromBase64(packed.trim()))) as StoredCopy;
    const api = new OfflineApi(new OfflineAnswers(copy));
    for (const { ids, size, png } of copy.atlases) {
      const bitmap = await createImageBitmap(new Blob([fromBase64(png)], { type: "image/png" }));
      ids.forEach((id, k) => {
        const canvas = document.createElement("canvas");
        canvas.width = size;
        canvas.height = size;
        canvas.getContext("2d")!.drawImage(bitmap, -k * size, 0);
        api.images.set(id, canvas);
      });
    }
    return api;
  }

  override imageUrl(_run: number, id: number): string {
    return (this.images.get(id) ?? blank()).toDataURL();
  }

  override thumbnailsUrl(_run: number, ids: readonly number[], size: number): string {
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, ids.length) * size;
    canvas.height = size;
    const context = canvas.getContext("2d")!;
    ids.forEach((id, k) => {
      const image = this.images.get(id);
      if (image) context.drawImage(image, k * size, 0, size, size);
    });
    return canvas.toDataURL();
  }

  override live(): () => void {
    return () => {};
  }
}

function blank(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  return canvas;
}

import type { Viewer } from "../picture/viewer";
import type { Store } from "../state/store";
import { type FilmOptions, makeFilm } from "./film";
import { type PictureOptions, pngOf } from "./picture";
import { svgOf, svgPointLimit } from "./svg";

/** What the user chooses; the rest is as on the page. */
type Wanted = Omit<PictureOptions, "names" | "marks">;

/** Takes the picture out of the page. */
export class Exporter {
  constructor(
    private readonly viewer: Viewer,
    private readonly store: Store,
  ) {}

  png(options: Wanted): Promise<Blob> {
    return pngOf(this.viewer, this.withNames(options));
  }

  /** `tooMany` where the picture may have more than the `limit` of points that an SVG holds. */
  svg(): { blob: Blob; limit: number; tooMany: boolean } {
    const text = svgOf(this.viewer);
    this.viewer.stage.requestFrame();
    return {
      blob: new Blob([text], { type: "image/svg+xml" }),
      limit: svgPointLimit,
      tooMany: (this.viewer.main?.data.count ?? 0) > svgPointLimit,
    };
  }

  film(options: Omit<FilmOptions, "picture"> & { readonly picture: Wanted }): Promise<Blob> {
    return makeFilm(this.viewer, this.store, { ...options, picture: this.withNames(options.picture) });
  }

  /** The page and its data as one file; `hash` is what it shows when it is opened. */
  async offlineCopy(hash: string): Promise<Blob> {
    const data = this.viewer.main?.data;
    if (!data) throw new Error("There is nothing to copy yet.");
    const { offlineCopy } = await import("./offline-copy");
    return offlineCopy(data, this.store.state.selection, hash);
  }

  private withNames(options: Wanted): PictureOptions {
    return { ...options, names: this.viewer.showsNames, marks: true };
  }
}

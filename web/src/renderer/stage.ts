import { ColorManagement, LinearSRGBColorSpace, WebGLRenderer } from "three";
import { GpuArrays } from "./gpu-arrays";
import { Scene } from "./scene";
import type { Size } from "./viewport";

/** A scene and the part of the canvas that it fills, in shares of the canvas's width. */
interface Pane {
  readonly scene: Scene;
  left: number;
  width: number;
}

export interface FrameTimes {
  /** milliseconds of script in the last frame */
  script: number;
  /** frames drawn since the page opened */
  frames: number;
}

/** The canvas: owns the WebGL context, its size, and when a frame is drawn. Frames are drawn only when asked for. */
export class Stage {
  readonly arrays: GpuArrays;
  readonly times: FrameTimes = { script: 0, frames: 0 };
  /** Called before every frame, for motion; returns true to ask for the next one. */
  onFrame: ((seconds: number) => boolean) | null = null;
  /** Called after every frame, for labels laid over the canvas. */
  afterFrame: (() => void) | null = null;
  onLost: ((lost: boolean) => void) | null = null;

  private readonly renderer: WebGLRenderer;
  private readonly panes: Pane[] = [];
  private size_: Size = { width: 1, height: 1 };
  private pixelRatio_ = 1;
  private background: readonly [number, number, number] = [1, 1, 1];
  private pending = false;
  private last = 0;
  private made = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({
      canvas,
      antialias: false,
      alpha: false,
      powerPreference: "high-performance",
    });
    // Colours are given as they are to be shown; nothing is to be converted.
    ColorManagement.enabled = false;
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.renderer.debug.checkShaderErrors = false;
    this.arrays = new GpuArrays(this.renderer.getContext() as WebGL2RenderingContext);
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.onLost?.(true);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.arrays.clear(true);
      for (const pane of this.panes) pane.scene.restore();
      this.onLost?.(false);
      this.requestFrame();
    });
  }

  get size(): Size {
    return this.size_;
  }

  get pixelRatio(): number {
    return this.pixelRatio_;
  }

  addScene(): Scene {
    const scene = new Scene(this.arrays, `scene${this.made++}`);
    this.panes.push({ scene, left: 0, width: 1 });
    this.layOut();
    return scene;
  }

  removeScene(scene: Scene): void {
    const at = this.panes.findIndex((p) => p.scene === scene);
    if (at < 0) return;
    this.panes.splice(at, 1);
    scene.dispose();
    this.layOut();
  }

  /** A pane's rectangle in CSS pixels. */
  rect(scene: Scene): { left: number; width: number; height: number } {
    const pane = this.panes.find((p) => p.scene === scene)!;
    return {
      left: pane.left * this.size_.width,
      width: pane.width * this.size_.width,
      height: this.size_.height,
    };
  }

  resize(width: number, height: number, pixelRatio: number): void {
    this.size_ = { width: Math.max(1, width), height: Math.max(1, height) };
    this.pixelRatio_ = pixelRatio;
    this.renderer.setPixelRatio(pixelRatio);
    this.renderer.setSize(width, height, false);
    this.draw();
  }

  setBackground(color: readonly [number, number, number]): void {
    this.background = color;
  }

  /** Draws at another pixel ratio, lets `use` read the canvas, and goes back. */
  atPixelRatio(pixelRatio: number, use: () => void): void {
    const { width, height } = this.size_;
    const before = this.pixelRatio_;
    this.resize(width, height, pixelRatio);
    use();
    this.resize(width, height, before);
  }

  requestFrame(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame((now) => {
      this.pending = false;
      const seconds = this.last === 0 ? 0 : Math.min(0.1, (now - this.last) / 1000);
      const start = performance.now();
      const more = this.onFrame?.(seconds) ?? false;
      this.draw();
      this.afterFrame?.();
      this.times.script = performance.now() - start;
      this.times.frames++;
      this.last = more ? now : 0;
      if (more) this.requestFrame();
    });
  }

  /** Draws at once, for example before the canvas is read. */
  draw(): void {
    const { renderer } = this;
    const { width, height } = this.size_;
    renderer.setScissorTest(false);
    renderer.setViewport(0, 0, width, height);
    renderer.setClearColor(
      (Math.round(this.background[0] * 255) << 16) |
        (Math.round(this.background[1] * 255) << 8) |
        Math.round(this.background[2] * 255),
      1,
    );
    renderer.clear();
    renderer.setScissorTest(this.panes.length > 1);
    for (const pane of this.panes) {
      const left = Math.round(pane.left * width);
      const w = Math.round(pane.width * width);
      renderer.setViewport(left, 0, w, height);
      renderer.setScissor(left, 0, w, height);
      pane.scene.render(renderer, { width: w, height }, this.pixelRatio_);
    }
  }

  private layOut(): void {
    this.panes.forEach((pane, i) => {
      pane.left = i / this.panes.length;
      pane.width = 1 / this.panes.length;
    });
    this.requestFrame();
  }
}

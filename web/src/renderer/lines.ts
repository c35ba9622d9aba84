import {
  BufferAttribute,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  type RawShaderMaterial,
  Vector2,
  Vector4,
} from "three";
import { asOverlay, overlayMaterial, setVector } from "./shaders";

/** Line segments in quantised positions (0..1 over the extent). */
export interface Segments {
  readonly count: number;
  /** x0, y0, x1, y1 a segment */
  readonly ends: Float32Array;
  /** RGBA 0..1 at the start and at the end: 8 numbers a segment */
  readonly colors: Float32Array;
  /** width in CSS pixels at the start and at the end, dash length in pixels (0 = solid): 3 numbers a segment */
  readonly strokes: Float32Array;
}

const vertexShader = /* glsl */ `
precision highp float;
in vec2 corner;
in vec4 ends;
in vec4 colorFrom;
in vec4 colorTo;
in vec3 stroke;
uniform vec4 clip;
uniform vec2 half_size;
out vec4 tone;
out vec2 place;
flat out float dash;
out float width;
void main() {
  vec2 a = (ends.xy * clip.xy + clip.zw) * half_size;
  vec2 b = (ends.zw * clip.xy + clip.zw) * half_size;
  vec2 along = b - a;
  float length_ = max(length(along), 1e-4);
  vec2 unit = along / length_;
  width = mix(stroke.x, stroke.y, corner.x);
  vec2 p = mix(a, b, corner.x) + vec2(-unit.y, unit.x) * corner.y * (width * 0.5 + 1.0);
  tone = mix(colorFrom, colorTo, corner.x);
  place = vec2(corner.x * length_, corner.y * (width * 0.5 + 1.0));
  dash = stroke.z;
  gl_Position = vec4(p / half_size, 0.0, 1.0);
}
`;

const fragmentShader = /* glsl */ `
precision highp float;
in vec4 tone;
in vec2 place;
flat in float dash;
in float width;
out vec4 color;
void main() {
  float alpha = clamp(width * 0.5 - abs(place.y) + 0.5, 0.0, 1.0);
  if (dash > 0.0 && mod(place.x, dash * 2.0) > dash) alpha = 0.0;
  color = vec4(tone.rgb, 1.0) * (tone.a * alpha);
}
`;

/** Draws segments with width, colour and dashes; used for trails and neighbour lines. */
export class LinesPass {
  readonly object: Mesh;
  private readonly material: RawShaderMaterial;
  private geometry: InstancedBufferGeometry | null = null;

  constructor(renderOrder: number) {
    this.material = overlayMaterial(vertexShader, fragmentShader, {
      clip: { value: new Vector4() },
      half_size: { value: new Vector2(1, 1) },
    });
    this.object = new Mesh(undefined, this.material);
    asOverlay(this.object, renderOrder);
  }

  setSegments(segments: Segments): void {
    this.geometry?.dispose();
    this.geometry = null;
    this.object.visible = segments.count > 0;
    if (segments.count === 0) return;
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute("corner", new BufferAttribute(new Float32Array([0, -1, 1, -1, 1, 1, 0, 1]), 2));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    const from = new Float32Array(segments.count * 4);
    const to = new Float32Array(segments.count * 4);
    for (let i = 0; i < segments.count; ++i) {
      from.set(segments.colors.subarray(i * 8, i * 8 + 4), i * 4);
      to.set(segments.colors.subarray(i * 8 + 4, i * 8 + 8), i * 4);
    }
    geometry.setAttribute("ends", new InstancedBufferAttribute(segments.ends, 4));
    geometry.setAttribute("colorFrom", new InstancedBufferAttribute(from, 4));
    geometry.setAttribute("colorTo", new InstancedBufferAttribute(to, 4));
    geometry.setAttribute("stroke", new InstancedBufferAttribute(segments.strokes, 3));
    geometry.instanceCount = segments.count;
    this.geometry = geometry;
    this.object.geometry = geometry;
  }

  set(clip: readonly [number, number, number, number], width: number, height: number): void {
    setVector(this.material, "clip", clip);
    (this.material.uniforms.half_size!.value as Vector2).set(width / 2, height / 2);
  }
}

import {
  BufferAttribute,
  BufferGeometry,
  Points,
  type RawShaderMaterial,
  type Texture,
  Vector4,
} from "three";
import { asOverlay, classColorGlsl, overlayMaterial, setVector } from "./shaders";

const vertexShader = /* glsl */ `
precision highp float;
precision highp int;
in vec2 place;
in vec4 look;
uniform vec4 clip;
uniform float pixelRatio;
out vec4 first;
out vec4 second;
flat out float kind;
flat out float diameter;
${classColorGlsl}void main() {
  first = classColor(look.x);
  second = classColor(look.y);
  kind = look.w;
  diameter = look.z * pixelRatio;
  gl_Position = vec4(place * clip.xy + clip.zw, 0.0, 1.0);
  gl_PointSize = diameter + 2.0;
}
`;

const fragmentShader = /* glsl */ `
precision highp float;
in vec4 first;
in vec4 second;
flat in float kind;
flat in float diameter;
uniform vec4 ink;
uniform vec4 paper;
out vec4 color;
void main() {
  vec2 p = (gl_PointCoord - 0.5) * (diameter + 2.0);
  float r = diameter * 0.5;
  if (kind < 0.5) {
    // Boundary sample: a diamond split into its two classes.
    float d = (abs(p.x) + abs(p.y) - r) * 0.7071;
    float a = clamp(0.5 - d, 0.0, 1.0);
    vec3 c = mix(first.rgb, second.rgb, clamp(p.x + 0.5, 0.0, 1.0));
    c = mix(c, ink.rgb, clamp(d + 1.4, 0.0, 1.0) * 0.6);
    color = vec4(c, 1.0) * a;
  } else {
    // Hovered (1) or focused (2) sample: disc with two rings; 3 is an open ring around a neighbour.
    float d = length(p) - r;
    float a = clamp(0.5 - d, 0.0, 1.0);
    vec3 c = mix(paper.rgb, ink.rgb, clamp(d + 1.8, 0.0, 1.0));
    float inner = clamp(-(d + 3.4) + 0.5, 0.0, 1.0);
    c = mix(c, first.rgb, inner);
    if (kind > 2.5) a *= clamp(d + 2.2, 0.0, 1.0);
    else if (kind > 1.5) c = mix(c, second.rgb, clamp(d + 7.0, 0.0, 1.0) * inner);
    color = vec4(c, 1.0) * a;
  }
  if (color.a < 0.01) discard;
}
`;

/** What a mark is. */
export const Mark = { Boundary: 0, Hovered: 1, Focused: 2, Neighbor: 3 } as const;

/** Draws few glyphs at given places: boundary samples, and the hovered and focused sample with its neighbours. */
export class MarksPass {
  readonly object: Points;
  private readonly material: RawShaderMaterial;
  private geometry = new BufferGeometry();

  constructor(renderOrder: number) {
    this.material = overlayMaterial(vertexShader, fragmentShader, {
      clip: { value: new Vector4() },
      pixelRatio: { value: 1 },
      ink: { value: new Vector4() },
      paper: { value: new Vector4() },
      classPalette: { value: null },
    });
    this.object = new Points(this.geometry, this.material);
    asOverlay(this.object, renderOrder);
  }

  get count(): number {
    return this.geometry.getAttribute("place")?.count ?? 0;
  }

  /** `places`: x, y in 0..1 over the extent. `looks`: first class, second class, diameter in CSS pixels, Mark. */
  setMarks(places: Float32Array, looks: Float32Array): void {
    this.geometry.dispose();
    this.geometry = new BufferGeometry();
    this.geometry.setAttribute("place", new BufferAttribute(places, 2));
    this.geometry.setAttribute("look", new BufferAttribute(looks, 4));
    this.geometry.setDrawRange(0, places.length / 2);
    this.object.geometry = this.geometry;
    this.object.visible = places.length > 0;
  }

  set(values: {
    clip?: readonly [number, number, number, number];
    pixelRatio?: number;
    ink?: readonly [number, number, number];
    paper?: readonly [number, number, number];
    palette?: Texture;
  }): void {
    const u = this.material.uniforms;
    if (values.clip) setVector(this.material, "clip", values.clip);
    if (values.pixelRatio !== undefined) u.pixelRatio!.value = values.pixelRatio;
    if (values.ink) setVector(this.material, "ink", [...values.ink, 1]);
    if (values.paper) setVector(this.material, "paper", [...values.paper, 1]);
    if (values.palette) u.classPalette!.value = values.palette;
  }
}

import { GLSL3, type IUniform, RawShaderMaterial, type Vector4 } from "three";

/** A class's colour by its index, 65535 = none; for vertex shaders, with `uniform sampler2D classPalette`. */
export const classColorGlsl = /* glsl */ `
uniform sampler2D classPalette;
vec4 classColor(float index) {
  int i = int(index + 0.5);
  return i == 65535 ? vec4(0.55, 0.55, 0.55, 1.0) : texelFetch(classPalette, ivec2(i & 1023, i >> 10), 0);
}
`;

/**
 * A material that lays what it draws over what is there, in drawing order. Colours are premultiplied:
 * overlapping glyphs never turn darker where they pile up.
 */
export function overlayMaterial(
  vertexShader: string,
  fragmentShader: string,
  uniforms: Record<string, IUniform>,
): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader,
    fragmentShader,
    transparent: true,
    premultipliedAlpha: true,
    depthTest: false,
    depthWrite: false,
    uniforms,
  });
}

/** Sets a vec4 uniform from numbers. */
export function setVector(
  material: RawShaderMaterial,
  name: string,
  value: readonly [number, number, number, number],
): void {
  (material.uniforms[name]!.value as Vector4).set(value[0], value[1], value[2], value[3]);
}

/** Draws an object above what has a lower `renderOrder`, wherever it lies; hidden until it has something to show. */
export function asOverlay(
  object: { frustumCulled: boolean; renderOrder: number; visible: boolean },
  renderOrder: number,
): void {
  object.frustumCulled = false;
  object.renderOrder = renderOrder;
  object.visible = false;
}

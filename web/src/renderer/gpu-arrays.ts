import { GLBufferAttribute } from "three";

/**
 * Vertex arrays that live on the GPU for as long as their owner wants. three.js frees an attribute only together with
 * its geometry, but here every epoch's arrays are swapped in and out of one geometry, so this class owns the buffers.
 */
export class GpuArrays {
  private readonly attributes = new Map<string, { attribute: GLBufferAttribute; bytes: number }>();
  private bytes_ = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /** Bytes uploaded and not yet released. */
  get bytes(): number {
    return this.bytes_;
  }

  /**
   * The attribute stored under `key`, uploaded from `data` the first time. `itemSize` is the number of components;
   * `normalized` turns integers into 0..1.
   */
  get(key: string, data: Uint8Array | Uint16Array, itemSize: number, normalized: boolean): GLBufferAttribute {
    const known = this.attributes.get(key);
    if (known) return known.attribute;
    const gl = this.gl;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
    const wide = data instanceof Uint16Array;
    const attribute = new GLBufferAttribute(
      buffer as WebGLBuffer,
      (wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE) as ConstructorParameters<typeof GLBufferAttribute>[1],
      itemSize,
      (wide ? 2 : 1) as 1 | 2,
      data.length / itemSize,
    );
    (attribute as { normalized: boolean }).normalized = normalized;
    this.attributes.set(key, { attribute, bytes: data.byteLength });
    this.bytes_ += data.byteLength;
    return attribute;
  }

  /** Uploads `data` into the buffer of `key`; makes another buffer where the old one is of another size or type. */
  update(
    key: string,
    data: Uint8Array | Uint16Array,
    itemSize: number,
    normalized: boolean,
  ): GLBufferAttribute {
    const known = this.attributes.get(key);
    const same =
      known?.bytes === data.byteLength &&
      known.attribute.count * itemSize === data.length &&
      (known.attribute as { normalized?: boolean }).normalized === normalized;
    if (!known || !same) {
      this.release(key);
      return this.get(key, data, itemSize, normalized);
    }
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, (known.attribute as unknown as { buffer: WebGLBuffer }).buffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
    return known.attribute;
  }

  release(key: string): void {
    const known = this.attributes.get(key);
    if (!known) return;
    this.gl.deleteBuffer((known.attribute as unknown as { buffer: WebGLBuffer }).buffer);
    this.attributes.delete(key);
    this.bytes_ -= known.bytes;
  }

  keys(): string[] {
    return [...this.attributes.keys()];
  }

  /** Forgets every buffer; `lost` says that the context is gone and there is nothing to delete. */
  clear(lost = false): void {
    if (!lost) for (const key of this.keys()) this.release(key);
    this.attributes.clear();
    this.bytes_ = 0;
  }
}

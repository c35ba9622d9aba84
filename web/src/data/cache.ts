/**
 * Values that are loaded once and kept, the least recently used dropped first when their bytes pass a limit. Two
 * callers who ask for the same key while it loads share one load; a failed load is forgotten, so that it can be tried
 * again.
 */
export class Cache<T> {
  private readonly entries = new Map<string, { value: T; bytes: number }>();
  private readonly loading = new Map<string, Promise<T>>();
  private bytes_ = 0;

  /** `onDrop` is told of every value that is dropped. */
  constructor(
    private readonly limit: number,
    private readonly sizeOf: (value: T) => number,
    private readonly onDrop: (key: string, value: T) => void = () => {},
  ) {}

  get bytes(): number {
    return this.bytes_;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** The value if it is here, which makes it the most recently used. */
  peek(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  async get(key: string, load: () => Promise<T>): Promise<T> {
    const known = this.peek(key);
    if (known !== undefined) return known;
    const running = this.loading.get(key);
    if (running) return running;
    const promise = load().then(
      (value) => {
        if (this.loading.get(key) === promise) {
          this.loading.delete(key);
          this.put(key, value);
        }
        return value;
      },
      (error) => {
        this.loading.delete(key);
        throw error;
      },
    );
    this.loading.set(key, promise);
    return promise;
  }

  clear(): void {
    for (const [key, entry] of this.entries) this.onDrop(key, entry.value);
    this.entries.clear();
    this.loading.clear();
    this.bytes_ = 0;
  }

  private put(key: string, value: T): void {
    const bytes = this.sizeOf(value);
    this.entries.set(key, { value, bytes });
    this.bytes_ += bytes;
    for (const [old, entry] of this.entries) {
      if (this.bytes_ <= this.limit || old === key) break;
      this.entries.delete(old);
      this.bytes_ -= entry.bytes;
      this.onDrop(old, entry.value);
    }
  }
}

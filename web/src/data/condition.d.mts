/** Compiles a condition over the named columns; the result tells whether a row, given as a look-up, meets it. */
export function compile(
  text: string,
  names: readonly string[],
): (row: (name: string) => string | number) => unknown;

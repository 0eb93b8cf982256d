/** The machine-readable picture; source/clock.c draws the same one and says what is where. */
export const layout = {
  raster: 16,
  columns: 12,
  firstColumn: 2,
  firstRow: 1,
  /** Guard, 32 bits of clock, CRC-8, guard. */
  cells: 48,
  flash: { column: 11, row: 10, columnEnd: 15, rowEnd: 14, frames: 3 },
  dark: 24,
  bright: 225,
};

export type Layout = typeof layout;

import { test } from '@playwright/test';

/** Of a set of values, in their unit. */
export interface Distribution {
  count: number;
  min: number;
  p50: number;
  p95: number;
  max: number;
}

export function distribution(values: number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { count: sorted.length, min: at(0), p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Puts a measured figure into the report that is printed at the end of the run. */
export function figure(name: string, value: string): void {
  test.info().annotations.push({ type: 'figure', description: `${name}\t${value}` });
}

/** Milliseconds for people. */
export function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

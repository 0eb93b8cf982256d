import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const binaries = new Map<string, string>();

/** The binary of source/NAME.c, compiled once per worker. */
export function compiled(name: string): string {
  let binary = binaries.get(name);
  if (binary === undefined) {
    const folder = mkdtempSync(path.join(os.tmpdir(), `weir-${name}-`));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    binary = path.join(folder, name);
    const warnings = ['-Wall', '-Wextra', '-Werror', '-Wno-format-truncation'];
    execFileSync('cc', ['-O2', '-pthread', ...warnings, '-o', binary, path.resolve(`source/${name}.c`), '-lm']);
    binaries.set(name, binary);
  }
  return binary;
}

import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';

/** Prints the measured figures and the counts when all is done. */
export default class FiguresReporter implements Reporter {
  private readonly figures: [string, string][] = [];
  private readonly last = new Map<string, TestResult['status']>();

  onTestEnd(test: TestCase, result: TestResult) {
    this.last.set(test.id, result.status);
    for (const { type, description } of result.annotations) {
      if (type !== 'figure' || description === undefined) continue;
      const [name, value] = description.split('\t');
      this.figures.push([name, value]);
    }
  }

  onEnd(result: FullResult) {
    const width = Math.max(0, ...this.figures.map(([name]) => name.length));
    console.log('\nFigures (delays are read from the picture):');
    for (const [name, value] of this.figures) console.log(`  ${name.padEnd(width)}  ${value}`);
    const count = (wanted: (status: TestResult['status']) => boolean) => [...this.last.values()].filter(wanted).length;
    const passed = count((status) => status === 'passed');
    const skipped = count((status) => status === 'skipped');
    console.log(`\nbrowser tests took ${Math.round(result.duration / 1000)} s`);
    console.log(`e2e: ${passed} passed, ${this.last.size - passed - skipped} failed, ${skipped} skipped`);
  }

  printsToStdio() {
    return false;
  }
}

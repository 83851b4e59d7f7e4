import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      // What only a process of its own runs is tested by starting one.
      exclude: [
        'src/cli/bin.ts',
        'src/cli/process-io.ts',
        'src/source/piece-worker.ts',
        'src/**/*.as.ts',
        // What runs in a browser is tested in one.
        'src/report/page/**',
      ],
      reporter: ['text-summary', 'json-summary'],
      thresholds: {
        statements: 95,
        lines: 95,
        functions: 95,
        branches: 89,
        'src/policy/{port-set,ip-set,selector,evaluate}.ts': { lines: 100 },
        'src/diff/**': { lines: 99 },
      },
    },
  },
})

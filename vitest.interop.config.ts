import { defineConfig } from 'vitest/config'

/** Against Cilium's own programs, which take minutes to build: `npm run interop`, and no part of `npm test`. */
export default defineConfig({
  test: {
    include: ['test/interop/**/*.interop.ts'],
    globalSetup: ['test/interop/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

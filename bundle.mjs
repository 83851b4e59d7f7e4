/** Joins the files of the program into a few: reading three hundred takes longer than a small recording does. */
import { build } from 'rolldown'

await build({
  input: { 'cli/bin': 'dist/cli/bin.js', 'source/piece-worker': 'dist/source/piece-worker.js' },
  platform: 'node',
  // Packages stay packages.
  external: /^[^./]/,
  output: { dir: 'dist', chunkFileNames: 'program/[name].js', sourcemap: true },
})

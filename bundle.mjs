/** Joins the files of the program into a few: reading three hundred takes longer than a small recording does. */
import { build } from 'rolldown'

/** A file of the program: these modules, and all they need that is in none of the files before it. */
const file = (name, ...modules) => ({
  name,
  test: new RegExp(`[\\\\/]dist[\\\\/](?:${modules.join('|')})\\.js$`),
})

await build({
  input: { 'cli/bin': 'dist/cli/bin.js', 'source/piece-worker': 'dist/source/piece-worker.js' },
  platform: 'node',
  // Packages stay packages.
  external: /^[^./]/,
  output: {
    dir: 'dist',
    chunkFileNames: 'program/[name].js',
    sourcemap: true,
    codeSplitting: {
      groups: [
        file('ground', 'errors', 'ip', 'labels'),
        file('start', 'cli/help-text', 'cli/process-io', 'source/piece-thread'),
        // All that a thread needs that reads a part of a large file.
        file('reader', 'traffic/reader'),
        file('main', 'cli/main', 'cli/heap'),
        file('learn', 'cli/learn-commands'),
        file('generate', 'cli/generate-commands'),
      ],
    },
  },
})

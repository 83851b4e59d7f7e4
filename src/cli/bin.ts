#!/usr/bin/env node
import process from 'node:process'
import { startThreadAhead } from '../source/piece-thread.ts'
import { helpText } from './help-text.ts'
import { createProcessIo } from './process-io.ts'

const io = createProcessIo()
const argv = process.argv.slice(2)
const help = helpText(argv, io.stdout.columns)
const isDone =
  help !== undefined &&
  (await io.stdout.write(help).then(
    () => true,
    () => false,
  ))
if (!isDone) {
  startThreadAhead(argv)
  // Loaded only here, with all that the commands need.
  const { main } = await import('./main.ts')
  if (argv[0] === 'learn' || argv[0] === 'merge') {
    const { keepEngineSmall } = await import('./heap.ts')
    // What is loaded under other flags than those of the engine's own start is compiled anew: so it is loaded before.
    await import('./learn-commands.ts')
    await keepEngineSmall()
  }
  process.exitCode = await main(argv, io)
}
io.close()
// Everything is written. A connection that is still being made cannot be let go of, and would hold on for minutes.
process.exit()

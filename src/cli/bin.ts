#!/usr/bin/env node
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
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
  // Of what reading makes nearly all stays: a large young generation, and an old one that grows ahead, only cost memory.
  // Members of a group make more garbage, since they write what changed again and again.
  const isMember = argv.some((argument) => argument.startsWith('--state-topic'))
  if ((argv[0] === 'learn' && !isMember) || argv[0] === 'merge') {
    setFlagsFromString('--semi-space-growth-factor=1')
    setFlagsFromString('--optimize-for-size')
  }
  // Loaded only here, with all that the commands need.
  const { main } = await import('./main.ts')
  process.exitCode = await main(argv, io)
}
io.close()
// Everything is written. A connection that is still being made cannot be let go of, and would hold on for minutes.
process.exit()

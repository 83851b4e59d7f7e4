import { CommanderError } from 'commander'
import {
  createStyle,
  errorToText,
  escapeText,
  exitCodeOf,
  isLiveSource,
  NetweirError,
} from '../index.ts'
import { interrupted } from './abortable.ts'
import { wantsColor } from './color.ts'
import type { Io } from './io.ts'
import { BrokenPipe } from './io.ts'
import { choices } from './options.ts'
import type { Invocation } from './program.ts'
import { createProgram, shells } from './program.ts'
import { resolveInit, resolveMember } from './resolve-group.ts'
import type { DisplayOptions } from './resolve-options.ts'
import { resolveDiff, resolveGenerate, resolveLearn, resolveMerge } from './resolve-options.ts'
import type { Interruptions, Session } from './session.ts'
import { createSession, writeStdout } from './session.ts'
import { choice } from './typed-values.ts'
import { usageError } from './usage-error.ts'
import { version } from './version.ts'

/**
 * Runs one command line and resolves to its exit code: 0 done, 1 differences, 2 usage or invalid input, 3 a source was
 * lost, 70 a defect, 130 interrupted. It never throws and never ends the process. `argv` is what stands after the name
 * of the program.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const interruption = new AbortController()
  const closing = new AbortController()
  let invocation: Invocation | undefined
  const release = io.onInterrupt(() => {
    if (readsLive(invocation) && !closing.signal.aborted) closing.abort()
    else interruption.abort()
  })
  try {
    const parsed = parse(argv, io)
    if ('help' in parsed) {
      await (parsed.exitCode === 0 ? writeStdout(io, parsed.help) : io.stderr.write(parsed.help))
      return parsed.exitCode
    }
    invocation = parsed
    return await run(parsed, io, { closed: closing.signal, signal: interruption.signal })
  } catch (reason) {
    return await explain(reason, { io, invocation, signal: interruption.signal })
  } finally {
    release()
  }
}

/** What is recorded will be there again, so that a run over it is simply given up. */
function readsLive(invocation: Invocation | undefined): boolean {
  if (invocation === undefined) return false
  if (invocation.command === 'record') return true
  return [...invocation.args, ...(invocation.raw.flows ?? [])].some((name) => isLiveSource(name))
}

type Parsed = Invocation | { readonly help: string; readonly exitCode: 0 | 2 }

function parse(argv: readonly string[], io: Io): Parsed {
  let invocation: Invocation | undefined
  let help = ''
  const program = createProgram({
    argv,
    columns: io.stdout.columns,
    onCommand: (typed) => {
      invocation = typed
    },
    writeOut: (text) => {
      help += text
    },
    writeErr: (text) => {
      help += text
    },
  })
  try {
    program.parse([...argv], { from: 'user' })
  } catch (reason) {
    if (!(reason instanceof CommanderError)) throw reason
    if (reason.exitCode === 0) return { help, exitCode: 0 }
    // The bare name of the program, or help for what is no command: help, but nothing was done.
    if (reason.code === 'commander.help') return { help, exitCode: 2 }
    throw usageError(reason, argv)
  }
  if (invocation === undefined) throw new NetweirError('INTERNAL', 'no command was chosen')
  return invocation
}

async function run(invocation: Invocation, io: Io, interruptions: Interruptions): Promise<number> {
  const { command, args, raw } = invocation
  const inSession = async (
    { display }: { readonly display: DisplayOptions },
    work: (session: Session) => Promise<number>,
  ): Promise<number> => {
    const session = createSession(io, display, interruptions)
    try {
      return await work(session)
    } finally {
      // Whatever is written next, an error among it, starts on an empty line.
      await session.endReading()
    }
  }
  // Each command loads its own code, and no other's.
  switch (command) {
    case 'learn': {
      const member = resolveMember(args, raw, io.now())
      if (member !== undefined) {
        const { runMember } = await import('./group-commands.ts')
        return inSession(member, (session) => runMember(member, session))
      }
      const resolved = resolveLearn(args, raw, io.now())
      const { runLearn } = await import('./learn-commands.ts')
      return inSession(resolved, (session) => runLearn(resolved, session))
    }
    case 'merge': {
      const resolved = resolveMerge(args, raw)
      const { runMerge } = await import('./learn-commands.ts')
      return inSession(resolved, (session) => runMerge(resolved, session))
    }
    case 'generate': {
      const resolved = resolveGenerate(args, raw, io.now())
      const { runGenerate } = await import('./generate-commands.ts')
      return inSession(resolved, (session) => runGenerate(resolved, session))
    }
    case 'diff': {
      const resolved = resolveDiff(args, raw, io.now())
      const { runDiff } = await import('./generate-commands.ts')
      return inSession(resolved, (session) => runDiff(resolved, session))
    }
    case 'verify': {
      const { resolveVerify } = await import('./resolve-verify.ts')
      const resolved = resolveVerify(args, raw, io.now())
      const { runVerify } = await import('./verify-commands.ts')
      return inSession(resolved, (session) => runVerify(resolved, session))
    }
    case 'explain': {
      const { resolveExplain } = await import('./resolve-verify.ts')
      const resolved = resolveExplain(args, raw, io.now())
      const { runExplain } = await import('./verify-commands.ts')
      return inSession(resolved, (session) => runExplain(resolved, session))
    }
    case 'lint': {
      const { resolveLint, runLint } = await import('./lint-command.ts')
      const resolved = resolveLint(args, raw)
      return inSession(resolved, (session) => runLint(resolved, session))
    }
    case 'report': {
      const { resolveReport, runReport } = await import('./report-commands.ts')
      const resolved = resolveReport(args, raw, io.now())
      return inSession(resolved, (session) => runReport(resolved, session))
    }
    case 'graph': {
      const { resolveGraph, runGraph } = await import('./report-commands.ts')
      const resolved = resolveGraph(args, raw, io.now())
      return inSession(resolved, (session) => runGraph(resolved, session))
    }
    case 'record': {
      const { resolveRecord, runRecord } = await import('./record-command.ts')
      const resolved = resolveRecord(args, raw, io.now())
      return inSession(resolved, (session) => runRecord(resolved, session))
    }
    case 'kafka': {
      const resolved = resolveInit(args, raw)
      const { runInit } = await import('./group-commands.ts')
      return inSession(resolved, (session) => runInit(resolved, session))
    }
    case 'completion': {
      const shell = choice('SHELL', args[0], shells) ?? 'bash'
      const { completionScript } = await import('./completion.ts')
      await writeStdout(io, completionScript(shell))
      return 0
    }
  }
}

interface Failing {
  readonly io: Io
  readonly invocation: Invocation | undefined
  readonly signal: AbortSignal
}

/** Says what went wrong, and returns the exit code that belongs to it. */
async function explain(reason: unknown, { io, invocation, signal }: Failing): Promise<number> {
  if (reason instanceof BrokenPipe) return 0
  const known = reason instanceof NetweirError ? reason : signal.aborted ? interrupted() : undefined
  if (known === undefined) {
    await io.stderr.write(pleaseReport(reason))
    return exitCodeOf('INTERNAL')
  }
  const color = choices.color.find((when) => when === invocation?.raw.color) ?? 'auto'
  const style = createStyle({ color: wantsColor(color, io.env, io.stderr) })
  const exitCode = exitCodeOf(known.code)
  await io.stderr.write(errorToText(withHint(known, invocation), style))
  if (exitCode === 70) await io.stderr.write(pleaseReport(known))
  return exitCode
}

function withHint(error: NetweirError, invocation: Invocation | undefined): NetweirError {
  if (error.code !== 'USAGE' || error.hint !== undefined || invocation === undefined) return error
  return new NetweirError('USAGE', error.message, {
    hint: `netweir ${invocation.command} --help lists what is accepted`,
  })
}

/** A stack names files of this program and may quote the input, which is shown without its control characters. */
function pleaseReport(reason: unknown): string {
  const stack = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
  const lines = stack.split('\n').map((line) => escapeText(line))
  return `${[`netweir ${version()} has met a defect of its own; please report it with these lines:`, ...lines].join('\n')}\n`
}

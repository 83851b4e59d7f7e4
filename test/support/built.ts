/** The built program, for tests that need a process of its own. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Path of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** Returns the path of a built file. Fails with what to do when nothing was built. */
export function built(path: string): string {
  const file = fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))
  if (!existsSync(file)) throw new Error(`dist/${path} is not there: run "npm run build" first`)
  return file
}

/** Loaded before a program: writes what it imports to the file that NETWEIR_MODULE_LOG names, one address a line. */
import { appendFileSync } from 'node:fs'
import { register } from 'node:module'
import process from 'node:process'

const isHooks = process.env.NETWEIR_MODULE_HOOKS === import.meta.url
if (!isHooks) {
  process.env.NETWEIR_MODULE_HOOKS = import.meta.url
  register(import.meta.url)
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  appendFileSync(process.env.NETWEIR_MODULE_LOG, `${found.url}\n`)
  return found
}

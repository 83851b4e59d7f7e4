/** Kinds of requests as anchored expressions, and as examples of what they stand for. */
import { pathParts } from '../flow/requests.ts'

/** One kind of HTTP requests, or one name, as policies say it. */
export type RequestPattern =
  | { readonly http: { readonly method: string; readonly path: string } }
  | { readonly dns: { readonly matchName: string } }

/** A request of a kind. */
export type RequestExample =
  | { readonly method: string; readonly path: string }
  | { readonly name: string }

const examples: Readonly<Record<keyof typeof pathParts, string>> = {
  '{number}': '7',
  '{uuid}': '0d9a3c1e-7b1f-4c55-9f63-2b8a5d1e4f70',
  '{hex}': 'c0ffee1',
  '{any}': 'some~thing@else',
}

/** Returns a text of `flow/requests.ts` as a policy says it. A query string is part of the path that proxies see. */
export function requestPattern(kind: 'http' | 'dns', text: string): RequestPattern {
  if (kind === 'dns') return { dns: { matchName: text } }
  const { method, path, query } = splitText(text)
  const parts = path
    .split('/')
    .map((part) => (isPart(part) ? pathParts[part] : part.replaceAll('.', '[.]')))
  return { http: { method, path: `^${parts.join('/')}${query ? '([?].*)?' : ''}$` } }
}

/** Returns requests that a text stands for. */
export function requestExamples(kind: 'http' | 'dns', text: string): readonly RequestExample[] {
  if (kind === 'dns') return [{ name: text }]
  const { method, path, query } = splitText(text)
  const plain = path.replaceAll(/\{[a-z]+\}/g, (part) => (isPart(part) ? examples[part] : part))
  return [{ method, path: plain }, ...(query ? [{ method, path: `${plain}?page=2&q=%20` }] : [])]
}

function isPart(part: string): part is keyof typeof pathParts {
  return Object.hasOwn(pathParts, part)
}

function splitText(text: string): {
  readonly method: string
  readonly path: string
  readonly query: boolean
} {
  const space = text.indexOf(' ')
  const query = text.endsWith('?')
  return {
    method: text.slice(0, space),
    path: text.slice(space + 1, query ? -1 : undefined),
    query,
  }
}

/** Syntax of names, labels and ports in the Kubernetes API (apimachinery `util/validation`). Each returns what is expected instead. */

const dnsLabel = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const word = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/

/** Returns undefined for a DNS-1123 label. */
export function dnsLabelProblem(text: string): string | undefined {
  return text.length <= 63 && dnsLabel.test(text)
    ? undefined
    : 'expected at most 63 of a-z, 0-9 and "-", alphanumeric at both ends'
}

/** Returns undefined for a DNS-1123 subdomain. */
export function dnsSubdomainProblem(text: string): string | undefined {
  return text.length <= 253 && text.split('.').every((part) => dnsLabel.test(part))
    ? undefined
    : 'expected at most 253 of a-z, 0-9, "-" and ".", alphanumeric at the ends of every part'
}

/** Returns undefined for a qualified name, the syntax of label keys. */
export function labelKeyProblem(text: string): string | undefined {
  const slash = text.indexOf('/')
  const prefix = slash < 0 ? undefined : text.slice(0, slash)
  const name = text.slice(slash + 1)
  if (prefix !== undefined && dnsSubdomainProblem(prefix) !== undefined) {
    return 'expected a DNS name of at most 253 characters before the "/"'
  }
  return name.length <= 63 && word.test(name)
    ? undefined
    : 'expected a name of at most 63 of A-Z, a-z, 0-9, "-", "_" and ".", alphanumeric at both ends'
}

/** Returns undefined for a label value. */
export function labelValueProblem(text: string): string | undefined {
  return text === '' || (text.length <= 63 && word.test(text))
    ? undefined
    : 'expected at most 63 of A-Z, a-z, 0-9, "-", "_" and ".", alphanumeric at both ends'
}

/** Returns undefined for an IANA service name, the syntax of port names. */
export function portNameProblem(text: string): string | undefined {
  const isName =
    text.length <= 15 && dnsLabel.test(text) && !text.includes('--') && /[a-z]/.test(text)
  return isName
    ? undefined
    : 'expected a number, or a name of at most 15 of a-z, 0-9 and single "-" with at least one letter'
}

/** The flags of live sources, and of what may be missing from one, as the rows of `options.ts`. */

/** Flags of every command that reads sources. */
export const live = [
  {
    group: 'Live source',
    flags: '--for <duration>',
    text: 'watch live sources for so long (15m, 24h, 7d), then go on',
  },
  {
    group: 'Live source',
    flags: '--follow',
    text: 'watch live sources until Ctrl-C, then go on',
  },
  {
    group: 'Live source',
    flags: '--last <count>',
    text: 'read the last so many records of each node or partition',
  },
  {
    group: 'Live source',
    flags: '--allow-partial',
    text: 'go on where a live source stopped early, instead of failing',
  },
  {
    group: 'Live source',
    flags: '--strict-completeness',
    text: 'fail where events were lost, nodes did not answer, or there are gaps',
  },
  {
    group: 'Live source',
    flags: '--tls-ca <file>',
    text: 'certificates that the server is checked against, PEM',
  },
  {
    group: 'Live source',
    flags: '--tls-cert <file>',
    text: 'certificate of this client, PEM',
  },
  {
    group: 'Live source',
    flags: '--tls-key <file>',
    text: 'key of this client, PEM',
  },
  {
    group: 'Live source',
    flags: '--tls-server-name <name>',
    text: "name that the server's certificate must have",
  },
  {
    group: 'Live source',
    flags: '--server-filter <condition>',
    text: 'let the server send less: namespace=NAME, pod=NAMESPACE/PREFIX, verdict=NAME',
    repeatable: true,
  },
] as const

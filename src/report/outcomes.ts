/** Each outcome in words: what it means, and what to do about it. */
import type { Outcome } from '../flow/flow.ts'

/** An outcome as a person reads it. */
export interface OutcomeText {
  readonly phrase: string
  /** Empty where nothing needs to be done. */
  readonly advice: string
}

/** The words for every outcome. */
export const outcomeTexts: Readonly<Record<Outcome, OutcomeText>> = {
  learned: { phrase: 'learned', advice: '' },
  audit: {
    phrase: 'a policy in audit mode would deny it',
    advice: 'learn it with --learn-audit if it is wanted',
  },
  denied: {
    phrase: 'denied, as no policy allows it',
    advice: 'learn it with --learn-denied if it is wanted',
  },
  'denied-explicit': {
    phrase: 'denied by a deny rule',
    advice: 'it is never learned; remove the deny rule if the traffic is wanted',
  },
  'denied-l7': {
    phrase: 'a request denied by a layer 7 rule',
    advice: 'it is never learned; change the layer 7 rule if the request is wanted',
  },
  'dropped-other': {
    phrase: 'dropped for a reason other than policy',
    advice: 'look at the drop reasons: no policy opens this',
  },
  conflict: {
    phrase: 'denied on one side, and not seen to pass there since',
    advice: 'decide whether the denial is right; it is not opened again',
  },
  'suspect-reply': {
    phrase: 'looks like a reply to a connection that was not seen',
    advice: 'record for longer, so that the start of the connection is seen',
  },
  'cannot-orient': {
    phrase: 'nothing tells the client from the server',
    advice: 'record for longer, so that the start of the connection is seen',
  },
  masked: {
    phrase: 'the exporter left out addresses, ports or labels',
    advice: 'export flows with source, destination, l4, verdict and is_reply',
  },
  icmp: {
    phrase: 'ICMP, which NetworkPolicy cannot name',
    advice: 'pings to isolated pods may stop: check that nothing depends on them',
  },
  host: {
    phrase: 'to or from the node of the pod itself',
    advice: 'nodes reach their own pods; give --inventory so that probes are told apart',
  },
  'remote-node': {
    phrase: 'to or from another node',
    advice: 'NetworkPolicy cannot name nodes: see --on-inexpressible',
  },
  'kube-apiserver': {
    phrase: 'to or from the API server',
    advice: 'NetworkPolicy cannot name the API server: see --on-inexpressible',
  },
  ingress: {
    phrase: 'to or from the ingress proxy of the network plugin',
    advice: 'NetworkPolicy cannot name it: see --on-inexpressible',
  },
  health: { phrase: 'health checks of the network plugin', advice: '' },
  unmanaged: {
    phrase: 'an end that the network plugin does not manage',
    advice: 'restart the pod, so that the network plugin manages it',
  },
  'remote-cluster': {
    phrase: 'an end in another cluster',
    advice: 'no NetworkPolicy of this cluster is written for it: see --on-inexpressible',
  },
  'service-address': {
    phrase: 'a service address whose pods are not known',
    advice: 'give --inventory with the services and pods',
  },
  unresolved: {
    phrase: 'a pod whose labels nobody knows',
    advice: 'give --inventory with the pods, or record for longer',
  },
  self: { phrase: 'a pod that talks to itself, which is always allowed', advice: '' },
  'no-pod': { phrase: 'neither end is a pod', advice: '' },
  sock: { phrase: 'a socket event, seen as packets too', advice: '' },
  'not-forwarded': { phrase: 'no verdict that let it pass', advice: '' },
  duplicate: { phrase: 'read twice because of a reconnect', advice: '' },
  'lost-events': {
    phrase: 'a notice that events were lost',
    advice: 'enlarge the ring buffers of the producer, or record closer to it',
  },
  'node-status': { phrase: 'a notice about the state of a node', advice: '' },
  'other-event': { phrase: 'an event that is no flow', advice: '' },
  truncated: {
    phrase: 'cut off before its end',
    advice: 'record again if this is not the last line of a file still being written',
  },
  'too-long': { phrase: 'longer than 16 MiB', advice: 'look at what wrote it' },
  malformed: {
    phrase: 'no record that can be read',
    advice: 'run again with --strict to see the first one',
  },
}

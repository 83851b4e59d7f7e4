/** Controls of laws and standards that a report can speak to, as data: what each is about, and how far netweir's figures reach. */

/** How far what netweir measures reaches. */
export const controlRelations = ['direct', 'supporting', 'outside'] as const

/** One of {@link controlRelations}: it measures what the control is about; a part of it, or what helps to judge it; nothing of it. */
export type ControlRelation = (typeof controlRelations)[number]

/** Figures of a report, by the part of it that they come from. */
export const measures = [
  'policies',
  'default-deny',
  'coverage',
  'over-permission',
  'communications',
  'ledger',
  'crossings',
  'approvals',
  'encryption',
  'clear-text',
  'confidence',
  'changes',
] as const

/** One of {@link measures}. */
export type Measure = (typeof measures)[number]

/** One control. */
export interface Control {
  readonly id: string
  readonly framework: string
  /** The edition, or where it was published. */
  readonly source: string
  readonly title: string
  /** `proposed` for a rule that binds nobody yet. */
  readonly status: 'in force' | 'proposed'
  readonly relation: ControlRelation
  /** What the figures say about it, and what they leave open. */
  readonly reach: string
  readonly measures: readonly Measure[]
}

/** The version of the catalogue: the day on which it was last compared with its sources. */
export const catalogueVersion = '2026-11-23'

const hipaa = { framework: 'HIPAA Security Rule', source: '45 CFR Part 164, Subpart C' } as const
const proposal = {
  framework: 'HIPAA Security Rule',
  source: 'notice of proposed rulemaking, 90 FR 898 (6 January 2025)',
} as const
const nist = { framework: 'NIST SP 800-53', source: 'Revision 5' } as const
const pci = { framework: 'PCI DSS', source: 'v4.0.1' } as const

/** The catalogue, in the order in which reports show it. */
export const controls: readonly Control[] = [
  {
    ...hipaa,
    id: '164.312(a)(1)',
    title: 'Access control',
    status: 'in force',
    relation: 'supporting',
    reach:
      'Network policies limit which programs can reach systems that hold health information. Who may use those programs is not measured.',
    measures: ['policies', 'default-deny', 'over-permission'],
  },
  {
    ...hipaa,
    id: '164.312(b)',
    title: 'Audit controls',
    status: 'in force',
    relation: 'supporting',
    reach:
      'The recording is examined in full: every record is counted once, by outcome, and losses are named. What happens inside a system is not recorded.',
    measures: ['ledger'],
  },
  {
    ...hipaa,
    id: '164.312(c)(1)',
    title: 'Integrity',
    status: 'in force',
    relation: 'outside',
    reach: 'Whether data was altered or destroyed cannot be seen in network flows.',
    measures: [],
  },
  {
    ...hipaa,
    id: '164.312(e)(1)',
    title: 'Transmission security',
    status: 'in force',
    relation: 'supporting',
    reach:
      'Flows say where packets were seen encrypted between nodes, and ports say where clear text is usual. Payloads are not inspected, and silence of the producers proves nothing.',
    measures: ['encryption', 'clear-text'],
  },
  {
    ...hipaa,
    id: '164.308(a)(1)(ii)(A)',
    title: 'Risk analysis',
    status: 'in force',
    relation: 'supporting',
    reach:
      'The communications, what policies allow beyond them, and how much may not have been seen yet are input to an analysis. Likelihood and impact are for people to judge.',
    measures: ['communications', 'over-permission', 'crossings', 'confidence'],
  },
  {
    ...hipaa,
    id: '164.308(a)(1)(ii)(D)',
    title: 'Information system activity review',
    status: 'in force',
    relation: 'supporting',
    reach:
      'This report is a review of recorded network activity in its window. That reviews are regular, and that somebody acts on them, is for the organisation to show.',
    measures: ['ledger', 'communications', 'crossings'],
  },
  {
    ...hipaa,
    id: '164.308(a)(8)',
    title: 'Evaluation',
    status: 'in force',
    relation: 'supporting',
    reach:
      'The policies were replayed against what was recorded: a technical evaluation of one safeguard, which can be repeated with the same inputs.',
    measures: ['coverage', 'over-permission', 'changes'],
  },
  {
    ...proposal,
    id: '164.312(a)(2)(vi)',
    title: 'Network segmentation',
    status: 'proposed',
    relation: 'direct',
    reach:
      'What policies let cross between namespaces and zones is what segmentation is about. Networks outside the cluster are not seen.',
    measures: ['default-deny', 'crossings', 'approvals'],
  },
  {
    ...proposal,
    id: '164.308(a)(1)',
    title: 'Technology asset inventory and network map',
    status: 'proposed',
    relation: 'supporting',
    reach:
      'The service map shows the movement of data between workloads of this cluster. Which of it is health information, zones say as far as they were given.',
    measures: ['communications', 'crossings'],
  },
  {
    ...nist,
    id: 'AC-4',
    title: 'Information flow enforcement',
    status: 'in force',
    relation: 'direct',
    reach:
      'Policies enforce which flows may pass between workloads; approvals say which of those between zones are authorised.',
    measures: ['policies', 'coverage', 'crossings', 'approvals'],
  },
  {
    ...nist,
    id: 'SC-7(5)',
    title: 'Boundary protection: deny by default, allow by exception',
    status: 'in force',
    relation: 'direct',
    reach:
      'Counted are namespaces with a default deny, and what policies allow beyond what was seen. Boundaries outside the cluster are not measured.',
    measures: ['default-deny', 'over-permission'],
  },
  {
    ...nist,
    id: 'CM-7',
    title: 'Least functionality',
    status: 'in force',
    relation: 'direct',
    reach:
      'Ports and protocols that policies allow are compared with those in use. Software that listens without being reachable is not seen.',
    measures: ['over-permission', 'communications'],
  },
  {
    ...nist,
    id: 'AU-12',
    title: 'Audit record generation',
    status: 'in force',
    relation: 'supporting',
    reach: 'The ledger says which records the producers generated, and how many events they lost.',
    measures: ['ledger'],
  },
  {
    ...pci,
    id: '1.2.5',
    title: 'Allowed services, protocols and ports are identified, approved, and needed',
    status: 'in force',
    relation: 'direct',
    reach:
      'Every allowed port stands beside the traffic that uses it, and every crossing beside its approval. Whether a need is a business need is for people to say.',
    measures: ['policies', 'communications', 'crossings', 'approvals'],
  },
  {
    ...pci,
    id: '1.2.7',
    title: 'Configurations of network security controls are reviewed every six months',
    status: 'in force',
    relation: 'supporting',
    reach:
      'The report shows for the policies of its date whether they are relevant (grants in use) and effective (replay). That it happens every six months is for the organisation to show.',
    measures: ['coverage', 'over-permission', 'changes'],
  },
  {
    framework: 'CIS Kubernetes Benchmark',
    source: 'v1.9',
    id: '5.3.2',
    title: 'All namespaces have network policies',
    status: 'in force',
    relation: 'direct',
    reach: 'Counted over the namespaces that the recording or the inventory shows.',
    measures: ['policies'],
  },
]

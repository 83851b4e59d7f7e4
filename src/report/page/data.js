// The data that stands in the page, and what is looked up in it.

const read = (id) => JSON.parse(document.getElementById(id).textContent)

export const report = read('report-data')

/** Lines of the map; their paths only where there are so many that they are drawn on request. */
export const { pairs, paths, passing, nodes: places } = read('lines-data')

const passed = new Set(report.edges.filter((_edge, index) => passing[index] === 1))

export const isPassing = (edge) => passed.has(edge)

export const workloadOf = new Map(report.workloads.map((workload) => [workload.id, workload]))

export const confidenceOf = new Map(report.confidence.groups.map((group) => [group.group, group]))

/** Policies by name: two of different kinds may share one. */
export const policiesOf = new Map(report.policies.map(({ policy }) => [policy, []]))
for (const policy of report.policies) policiesOf.get(policy.policy).push(policy)

export const changeOf = new Map(report.diff.changes.map((change) => [change.id, change]))

/** Changes of isolation by the name of the workload that they are about. */
export const isolationOf = new Map()
for (const change of report.diff.changes) {
  if (change.section !== 'isolation') continue
  const name = change.ports.includes('egress') ? change.from : change.to
  isolationOf.set(name, [...(isolationOf.get(name) ?? []), change])
}

/** What is selected: `{ node }`, `{ pair }`, or nothing. */
export const state = {
  view: paths === undefined ? 'workloads' : 'namespaces',
  selection: undefined,
}

export const byId = (id) => document.getElementById(id)

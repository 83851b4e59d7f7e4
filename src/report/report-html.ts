/** A report as one page that needs nothing else: it opens offline, prints, and loads nothing. */
import { html, jsonBlock } from './html.ts'
import { layOutMap } from './map-layout.ts'
import { mapSvg, maxStaticLines, pairsOf, pathsOf } from './map-svg.ts'
import type { Report } from './report-document.ts'
import { pageSections, windowText } from './report-sections.ts'
import { isPassing } from './service-map.ts'

/** What the page is made of besides the report. */
export interface PageParts {
  readonly script: string
  readonly style: string
  /** Returns the SHA-256 of a text in base64. */
  readonly sha256: (text: string) => string
}

/**
 * Returns the page of a report; equal reports are equal bytes. Its policy lets nothing be loaded, and only the script and the style
 * run that stand in it; text from outside is escaped.
 */
export async function reportToHtml(report: Report, parts: PageParts): Promise<string> {
  const map = { nodes: report.ends, edges: report.edges, changes: report.changes }
  const layout = await layOutMap(map)
  const pairs = pairsOf(map)
  const pairOf = new Map(pairs.flatMap(({ edges }, pair) => edges.map((edge) => [edge, pair])))
  const sections = pageSections(report, (edge) => pairOf.get(edge))
  const isLarge = pairs.length > maxStaticLines
  const lines = {
    pairs,
    ...(isLarge ? { paths: pathsOf(pairs, layout.workloads) } : {}),
    passing: report.edges.map((edge) => (isPassing(edge) ? 1 : 0)),
    nodes: layout.workloads.nodes,
  }
  // The texts of the elements are what their hashes are of: nothing may be added to them.
  const { script, style } = parts
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${parts.sha256(script)}'`,
    `style-src 'sha256-${parts.sha256(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const where = report.cluster === '' ? '' : ` of ${report.cluster}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${html(`Network communication${where}`)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#communications">Skip the map</a>
<header>
<h1>${html(`Network communication${where}`)}</h1>
<p class="dim">${html(windowText(report) || 'no times in the recording')} · netweir ${html(report.version)}</p>
<p class="notice">${html(report.notice)}</p>
<dl class="tiles">${report.summary.map(({ name, value }) => `<div><dt>${html(name)}</dt><dd>${html(value)}</dd></div>`).join('')}</dl>
<nav aria-label="sections"><a href="#map-section">Map</a>${sections.map(({ id, title }) => `<a href="#${id}">${html(title)}</a>`).join('')}</nav>
</header>
<main>
<section id="map-section">
<h2>Service map</h2>
${toolbar(report)}
<div class="stage"><div class="canvas">
${mapSvg(map, layout, pairs, report.zones?.matrix ?? [])}
<p id="hint" class="dim" role="status"></p>
</div>
<aside id="panel" aria-live="polite" tabindex="-1"><h3>Nothing selected</h3><p class="dim">Choose a workload or a line of the map to see its evidence and its policy.</p></aside>
</div>
${legend(report)}
</section>
${sections.map(({ id, title, body }) => `<section id="${id}">\n<h2>${html(title)}</h2>\n${body}</section>`).join('\n')}
</main>
<footer class="dim"><p>${html(`netweir ${report.version} · communication set ${report.digests.communicationSet.slice(0, 16)} · policies ${report.digests.policySet.slice(0, 16)}`)}</p></footer>
<script type="application/json" id="report-data">${jsonBlock(report)}</script>
<script type="application/json" id="lines-data">${jsonBlock(lines)}</script>
<script>${script}</script>
</body>
</html>
`
}

function toolbar({ namespaces, zones }: Report): string {
  const options = (names: readonly string[]): string =>
    names.map((name) => `<option value="${html(name)}">${html(name)}</option>`).join('')
  const zoneFilter =
    zones === undefined
      ? ''
      : `<label>Zone <select id="filter-zone"><option value="">all</option>${options(zones.zones.map(({ name }) => name))}</select></label>`
  const zoneView =
    zones === undefined ? '' : '<button type="button" data-view="zones">Zones</button>'
  return `<div class="toolbar" role="toolbar" aria-label="map">
<label class="search">Search <input id="search" type="search" placeholder="workload, address, port" autocomplete="off" spellcheck="false"></label>
<label>Namespace <select id="filter-namespace"><option value="">all</option>${options(namespaces.map(({ namespace }) => namespace))}</select></label>
${zoneFilter}
<label>Show <select id="filter-state"><option value="">everything</option><option value="allowed">allowed</option><option value="denied">would be denied</option><option value="dropped">denied or unclear</option><option value="change">what changes</option><option value="clear">clear-text ports</option></select></label>
<span class="buttons"><button type="button" data-view="workloads">Workloads</button><button type="button" data-view="namespaces">Namespaces</button>${zoneView}</span>
<span class="buttons"><button type="button" id="zoom-in" aria-label="zoom in">+</button><button type="button" id="zoom-out" aria-label="zoom out">−</button><button type="button" id="fit">Fit</button><button type="button" id="clear">Clear</button></span>
</div>`
}

function legend({ zones }: Report): string {
  const entries = [
    ['allowed', 'seen and allowed'],
    ['denied', 'seen, would be denied'],
    ['dropped', 'denied or unclear in the recording'],
    ['unjudged', 'of unknown labels'],
    ['breaks', 'breaks'],
    ['opens', 'opens'],
    ['needed', 'needed'],
    ['tightens', 'tightens'],
    ...(zones === undefined ? [] : [['unapproved', 'crosses zones without approval'] as const]),
  ] as const
  return `<ul class="legend">${entries.map(([state, text]) => `<li><svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true"><g class="line ${state}"><path d="M0 4H28"/></g></svg>${text}</li>`).join('')}<li><svg viewBox="0 0 28 14" width="28" height="14" aria-hidden="true"><g class="node closes"><rect x="2" y="2" width="24" height="10" rx="3"/></g></svg>becomes isolated</li></ul>`
}

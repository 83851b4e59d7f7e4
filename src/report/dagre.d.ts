/** The part of dagre that is used: its own declarations do not compile under the module resolution of Node.js. */

export declare class Graph {
  setGraph(label: Readonly<Record<string, unknown>>): void
  setDefaultEdgeLabel(label: () => object): void
  setNode(id: string, size: { readonly width: number; readonly height: number }): void
  setEdge(from: string, to: string, label: { readonly weight: number }): void
  node(id: string): { readonly x: number; readonly y: number } | undefined
}

export declare function layout(graph: Graph): void

/** Where a model's config.json comes from. Never throws: what goes wrong is a status with a message for the user. */
export interface ModelSource {
  config(id: string, revision?: string): Promise<ModelConfigResult>
}

export type ModelConfigResult =
  | {
      readonly status: 'found'
      readonly config: unknown
      readonly origin: string
      /** The id after aliases and adapters are followed. */
      readonly resolvedId: string
      /** Parameters as the publisher counts them, for a cross-check; null or absent: not known. */
      readonly parameters?: number | null
    }
  /** No such model, or none with shapes. */
  | { readonly status: 'unknown'; readonly message: string }
  /** Gated or private. */
  | { readonly status: 'denied'; readonly message: string }
  /** The network or the server failed. */
  | { readonly status: 'failed'; readonly message: string }

export { hubOptions } from '../../src/models/create-model-source.ts'
export { createHubSource } from '../../src/models/hub-source.ts'
export { catalogueText, rebuildCatalogue } from './catalogue-rows.ts'

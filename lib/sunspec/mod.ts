/**
 * SunSpec: definitions, layouts, decoding, encoding and the walk along a device's models.
 *
 * @module
 */
export {
  decodeGroup,
  decodePoints,
  displayText,
  type ModelImage,
  scaleWarnings,
  type Value,
  type Verdict,
  type VerdictOf,
  wireValue,
} from "./decode.ts";
export type { CounterEvent } from "./counter.ts";
export { scaled } from "./decimal.ts";
export {
  type GroupDefinition,
  type ModelDefinition,
  parseDefinition,
  type PointDefinition,
} from "./definition.ts";
export {
  Definitions,
  loadDefinitions,
  type PublishedModel,
  type PublishedModels,
} from "./definitions.ts";
export { encodeModel } from "./encode.ts";
export { identityOf, type Place } from "./identity.ts";
export { KnownIdentity } from "./known_identity.ts";
export { type Block, checkCounts, disbelief, layOut } from "./map.ts";
export { type DeviceMap, isOpenEnd, Memory, type News } from "./memory.ts";
export {
  compileLayout,
  type GroupLayout,
  hasCountPoints,
  HEADER_LENGTH,
  isData,
  type Layout,
  type Leaf,
  lengthOf,
  type MemberLayout,
} from "./layout.ts";
export { type PointType, pointTypes, type WireValue } from "./point_types.ts";
export {
  BASE_ADDRESSES,
  type Chain,
  checkPlace,
  isUnmoved,
  type ModelPlace,
  walk,
  type WalkOptions,
  walkSurely,
} from "./walk.ts";
export { type DocumentModel, type DocumentParts, snapshotOf } from "./document.ts";
export type { ModelRead } from "./model_read.ts";
export type { ModelWant } from "./read_plan.ts";
export { type Learned, ModelReader, nothingLearned } from "./reader.ts";
export { restOf } from "./rest.ts";
export { EVERYTHING, parseSelection, type Selectable, type Selection } from "./select.ts";
export { type Judgement, Trust, type TrustedModel, type TrustEvent } from "./trust.ts";

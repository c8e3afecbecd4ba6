export class PastCalls { constructor(root, api) { Object.assign(this, { root, api }); } load() {} }

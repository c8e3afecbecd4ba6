export class JournalView { constructor(root) { this.root = root; } focus() {} }

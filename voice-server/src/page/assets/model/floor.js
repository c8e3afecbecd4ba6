// Whose turn it is, in a word: listening, thinking, speaking or paused.
//
// Invariant: it follows from the messages and from what is rendered, and from nothing else.

export class Floor {
  constructor() {
    this.paused = new Set();
    this.isThinking = false;
    this.isSpeaking = false;
  }

  take(message) {
    switch (message.type) {
      case "transcript":
        if (message.final && message.text !== "") this.isThinking = true;
        break;
      case "speaking":
        if (message.who === "caller" && message.on) this.isThinking = false;
        break;
      case "pause":
        this.paused.add(message.reply);
        break;
      case "resume":
      case "clear":
        this.paused.delete(message.reply);
        break;
      case "turn":
        this.paused.delete(message.reply);
        this.isThinking = false;
        break;
    }
  }

  /** Whether a reply has begun in the loudspeaker and not ended. */
  heard(isSpeaking) {
    this.isSpeaking = isSpeaking;
    if (isSpeaking) this.isThinking = false;
  }

  get word() {
    if (this.paused.size > 0) return "paused";
    if (this.isSpeaking) return "speaking";
    return this.isThinking ? "thinking" : "listening";
  }
}

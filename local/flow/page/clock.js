// The moment that is shown: the present, or a place in a recording; paused or not.

export class Clock {
  constructor(about) {
    this.recorded = about.mode === "replay";
    this.speed = 1;
    this.paused = false;
    this.from = 0;
    this.to = 0;
    this.base = Date.now();
    this.since = performance.now();
  }

  // Where a recording begins and ends.
  bound(from, to) {
    this.from = from - 200;
    this.to = to + 800;
    this.jump(this.from);
  }

  get now() {
    if (this.paused) return this.base;
    if (!this.recorded) return Date.now();
    return Math.min(this.to, this.base + (performance.now() - this.since) * this.speed);
  }

  get ended() { return this.recorded && this.now >= this.to; }

  get share() { return this.to > this.from ? (this.now - this.from) / (this.to - this.from) : 0; }

  jump(now) { this.base = now; this.since = performance.now(); }

  set pace(speed) { this.jump(this.now); this.speed = speed; }

  toggle() {
    if (this.recorded && this.ended && !this.paused) { this.jump(this.from); return; }
    const now = this.now;
    this.paused = !this.paused;
    this.jump(now);
  }
}

fn plain() {}

fn main() {
    spoa::run!(handlers = [plain])
}

// Reverse-mode differentiation over a tape.
#include <functional>
#include <vector>

namespace fg {

class tape {
 public:
  void push(std::function<void()> backward) { steps_.push_back(std::move(backward)); }
  void backward() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
    steps_.clear();
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace fg

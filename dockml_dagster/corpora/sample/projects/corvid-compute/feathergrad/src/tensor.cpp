// A tensor is a shared block of numbers, a shape and strides.
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace fg {

struct tensor {
  std::shared_ptr<float[]> data;
  std::vector<long> shape, strides;

  explicit tensor(std::vector<long> s) : shape(std::move(s)), strides(shape.size()) {
    long step = 1;
    for (size_t i = shape.size(); i-- > 0; step *= shape[i]) strides[i] = step;
    data = std::shared_ptr<float[]>(new float[static_cast<size_t>(step)]());
  }

  tensor view(std::vector<long> s) const {
    auto count = [](const auto& v) { return std::accumulate(v.begin(), v.end(), 1L, std::multiplies<>()); };
    if (count(s) != count(shape)) throw std::invalid_argument("view: another number of elements");
    tensor t(std::move(s));
    t.data = data;
    return t;
  }
};

}  // namespace fg

// Holds the heading: a PID loop with a limit on the rudder's speed.
#include <algorithm>
#include <rclcpp/rclcpp.hpp>

class CourseKeeper : public rclcpp::Node {
 public:
  CourseKeeper() : Node("course_keeper") {
    gain_ = declare_parameter("gain", 1.8);
    damping_ = declare_parameter("damping", 0.6);
  }

  double rudder(double heading, double wanted, double rate) const {
    double error = wanted - heading;
    while (error > 180.0) error -= 360.0;
    while (error < -180.0) error += 360.0;
    return std::clamp(gain_ * error - damping_ * rate, -35.0, 35.0);
  }

 private:
  double gain_{};
  double damping_{};
};

int main(int argc, char** argv) {
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<CourseKeeper>());
  rclcpp::shutdown();
  return 0;
}

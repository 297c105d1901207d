#pragma once

#include "processes/child.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace processes {

/// The programs that run now, for whoever is to end them. Thread-safe.
class Children {
  public:
    /// Sends them all a signal.
    void interrupt(int signal) {
        const std::lock_guard lock(mutex_);
        for (auto* child : list_)
            child->interrupt(signal);
    }

    /// Has a program in the list as long as it lives.
    class Entry {
      public:
        Entry(Children& children, Child& child) : children_(children), child_(child) {
            const std::lock_guard lock(children_.mutex_);
            children_.list_.push_back(&child_);
        }
        ~Entry() {
            const std::lock_guard lock(children_.mutex_);
            std::erase(children_.list_, &child_);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

      private:
        Children& children_;
        Child& child_;
    };

  private:
    std::mutex mutex_;
    std::vector<Child*> list_;
};

} // namespace processes
